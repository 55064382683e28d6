"""The model card that every run writes: what the model is, its scores with their floor, and how to make it again."""

from __future__ import annotations

from typing import Any


def model_card(config: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Markdown for the ``README.md`` of a run folder."""
    baselines = metrics["baselines"]
    rows = [
        ("entities", metrics["entities"]["micro"], "entities"),
        ("relations", metrics["relations"]["micro"], "relations"),
        ("events (parties exact)", metrics["events"]["parties"], "events"),
    ]
    table = [f"| strict, end to end | precision | recall | F1 | 95 % interval | {' | '.join(baselines)} |",
             "| --- " * (5 + len(baselines)) + "|"]
    for name, scores, key in rows:
        low, high = scores["interval"]
        floors = " | ".join(f"{b[key]['f1']:.3f}" for b in baselines.values())
        table.append(f"| {name} | {scores['precision']:.3f} | {scores['recall']:.3f} | {scores['f1']:.3f} "
                     f"| {low:.3f}-{high:.3f} | {floors} |")
    seen = len(metrics["seen_in_training"])
    scored_on = f"{metrics['articles']} articles" + (
        f", **{seen} of them seen in training: not a test score**" if seen else ", none of them seen in training")
    provenance = metrics["provenance"]
    cost = provenance["cost"]
    return "\n".join([
        "---", "language: zh", "license: apache-2.0", "library_name: transformers", "pipeline_tag: token-classification",
        "---", "", f"# Qianyue {config['name']}", "",
        "Tags HOSPITAL, PERSON, ROLE and DATE in Chinese news about hospitals, finds who signed with whom, and assembles "
        f"signing events. Schema `{metrics['schema']}`, encoder `{config['encoder']}`.", "",
        "```python", "from models.extractor import Extractor", "",
        f'extractor = Extractor.load("{config["runs"]}/{config["name"]}")',
        'article = extractor.extract("11月8日，甲市中心医院与乙县人民医院签署合作协议。")',
        "print(article.events)", "```", "",
        "The folder is also a stock `transformers` token classifier "
        "(`AutoModelForTokenClassification.from_pretrained`); feed it text cleaned by `data.clean.clean_text`."
        + (" It shows there whatever it was taught to tell apart; its answers leave out what the schema lacks."
           if config.get("reading_schema") else ""), "",
        "## Scores", "", f"Scored on {scored_on}.", "", *table, "",
        f"Made by `{provenance['command']}`; {provenance['train_articles']} training articles "
        f"(sha256 {provenance['train_sha256'][:12]}), gold sha256 {provenance['gold_sha256'][:12]}, "
        f"seed {config['seed']}, {cost.get('steps')} steps in {cost.get('train_seconds')} s, "
        f"peak memory {provenance['peak_memory_mib']} MiB, versions {provenance['versions']}.", "",
        "## Intended use and limits", "",
        "For finding signings in Chinese hospital news, with a person checking what is acted upon. It was trained on five "
        "real articles and a corpus written for it; news in which hospitals are one thing among many it reads worse than pages "
        "of hospitals (Scores in the README of the project), and it must not be used to judge persons. An event is a reading of "
        "one article, not proof that an agreement exists.", "",
    ])
