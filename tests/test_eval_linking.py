"""Linking against made-up institutions: what is written as registered is found, and wrong links are told apart."""

from __future__ import annotations

import random

from eval.linking import judge, made_up_entries, main, questions
from models.register import Register
from models.register_file import Entry


def test_names_as_registered_are_found_and_no_other_way_links_wrong() -> None:
    entries = made_up_entries(400, random.Random(5))
    assert len({e.name for e in entries}) == len({e.id for e in entries}) == 400
    register = Register(entries=entries)
    asked = questions(entries, 60, random.Random(5))
    assert judge(register, asked["as registered"]) == {"right": 60}
    for rows in asked.values():
        assert judge(register, rows)["wrong"] == 0
    assert judge(register, asked["short form, place named"])["right"] > judge(register, asked["short form, no place"])["right"]


def test_wrong_links_are_told_apart() -> None:
    one, two = Entry(id="1", name="甲市第一医院", aliases=("甲一院",)), Entry(id="2", name="乙市第一医院")
    register = Register(entries=[one, two])
    assert judge(register, [(one, two.name, ""), (one, one.name, ""), (one, "丙公司", ""), (two, "甲一院", "")]) == {
        "wrong exact": 1, "right": 1, "open": 1, "wrong": 1}


def test_the_command(call) -> None:
    said = call(main, "--rows", 30, "--names", 5, "--seed", 1)
    assert said.code == 0 and "30 rows indexed" in said.out and said.out.count("right,") == 4
    assert call(main, "--rows", 0).code == 2
