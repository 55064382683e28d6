"""What many tests need: the seeds, the schemas, a tiny encoder, an untrained run folder, articles written in notation."""

from __future__ import annotations

import os

# Two workers share two cores: more threads only wait for each other. Set before torch is imported anywhere.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from data.article import Article, read_jsonl
from data.clean import surface
from data.errors import run_command
from data.formats.base import Ledger
from data.formats.registry import read_articles
from data.markup import read_marked
from data.schema import Schema, load_schema

if TYPE_CHECKING:
    import label_studio_server as ls

    from models.document import Predictor
    from models.signing import SigningModel

# The same examples in every run, and no clock: a test must not fail because the machine is busy.
hypothesis.settings.register_profile("qianyue", deadline=None, derandomize=True)
hypothesis.settings.load_profile("qianyue")

ROOT = Path(__file__).resolve().parent.parent
Marked = Callable[..., Article]
ReadFormat = Callable[..., tuple[list[Article], Ledger]]


@pytest.fixture(scope="session", autouse=True)
def _in_the_repository() -> Iterator[None]:
    """Configs and gold are named relative to the repository."""
    before = Path.cwd()
    os.chdir(ROOT)
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def hospital() -> Schema:
    return load_schema(ROOT / "configs/schema/hospital.yaml")


@pytest.fixture(scope="session")
def parties() -> Schema:
    return load_schema(ROOT / "configs/schema/parties.yaml")


@pytest.fixture(scope="session")
def seeds() -> list[Article]:
    """The five gold articles, ORG included."""
    return read_jsonl(ROOT / "data/gold/seeds.jsonl")


@pytest.fixture
def marked(tmp_path: Path) -> Marked:
    """Compile ``body`` in the notation of data/markup.py to one article; ``header`` lines are optional."""
    count = 0

    def compile_one(body: str, *header: str, article_id: str = "t-1") -> Article:
        nonlocal count
        count += 1
        path = tmp_path / f"marked-{count}.txt"
        # Where a body speaks of signing the notation wants an event; the tests here have their own.
        path.write_text("\n".join([f"@article {article_id}", *header, "@text", body, "@end"]), encoding="utf-8")
        return read_marked(path, surface=surface)[0].article

    return compile_one


@pytest.fixture
def read_format(tmp_path: Path) -> ReadFormat:
    """Read a text, or bytes, as a file of a format."""
    def read(name: str, text: str | bytes, *, file: str = "train.txt") -> tuple[list[Article], Ledger]:
        path = tmp_path / file
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        ledger = Ledger(source=str(path))
        return list(read_articles(name, path, ledger)), ledger

    return read


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory, _in_the_repository: None) -> Path:
    """A folder with an embedded encoder of one layer and width 32, and its tokenizer."""
    from models.embedded import build_encoder

    folder = tmp_path_factory.mktemp("encoder")
    build_encoder(folder, layers=1, width=32, heads=4)
    return folder


@pytest.fixture(scope="session")
def make_model(tiny_encoder: Path) -> Callable[..., SigningModel]:
    """A joint model on the tiny encoder with heads drawn from ``seed``, in evaluation mode."""

    def build(schema: Schema, *, seed: int = 0, max_tokens: int = 64, overlap_tokens: int = 16, hints: bool = False,
              thresholds: dict[str, float] | None = None, **more: Any) -> SigningModel:
        import torch
        from transformers import BertConfig

        from models.hints import TOKEN_TYPES
        from models.reading_heads import SETTINGS
        from models.run_folder import quietly
        from models.signing import SigningModel

        quietly()
        torch.manual_seed(seed)
        config = BertConfig.from_pretrained(tiny_encoder)
        config.id2label = dict(enumerate(schema.tags))
        config.label2id = {tag: i for i, tag in enumerate(schema.tags)}
        setattr(config, SETTINGS, {"schema": schema.to_dict(), "max_tokens": max_tokens,
                                   "overlap_tokens": overlap_tokens, "hints": hints,
                                   "thresholds": thresholds or {}, **more})
        model = SigningModel.from_pretrained(tiny_encoder, config=config)
        if hints:
            model.widen_token_types(TOKEN_TYPES)
        return model.eval()

    return build


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture(scope="session")
def predictor(make_model: Callable[..., SigningModel], tokenizer: Any, hospital: Schema) -> Predictor:
    """An untrained predictor that finds much (nonsense), relations and events included."""
    from models.run_folder import predictor_of

    model = make_model(hospital, hints=True, thresholds={r.name: 0.005 for r in hospital.relations})
    return predictor_of(model, tokenizer, name="untrained")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, predictor: Predictor) -> Path:
    """That predictor saved as a run folder."""
    from models.run_folder import dump_yaml, save_run

    folder = tmp_path_factory.mktemp("runs") / "untrained"
    save_run(folder, predictor.model, predictor.encoder.tokenizer,
             {"schema.yaml": dump_yaml(predictor.encoder.schema.to_dict())})
    return folder


class Called:
    """What a command said: exit code, standard output, standard error."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Run a command's ``main`` as its module would; argparse's own exits count as exit codes."""

    def run(main: Callable[..., int], *argv: object) -> Called:
        capfd.readouterr()
        try:
            code = run_command(main, [str(a) for a in argv])
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capfd.readouterr()
        return Called(code, out, err)

    return run


@pytest.fixture(scope="session")
def annotation_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real annotation server, one for all journeys of a worker."""
    import label_studio_server as ls

    with ls.running(tmp_path_factory.mktemp("label-studio")) as url:
        yield url


@pytest.fixture(scope="session")
def li(annotation_server: str) -> ls.Person:
    """The first who signed up on the server."""
    import label_studio_server as ls

    return ls.sign_up(annotation_server, "li@example.com")


@pytest.fixture(scope="session")
def wu(annotation_server: str, li: ls.Person) -> ls.Person:
    """A second annotator."""
    import label_studio_server as ls

    return ls.sign_up(annotation_server, "wu@example.com")


@pytest.fixture
def loop(annotation_server: str, li: ls.Person, call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Call ``data.label_studio`` with li's token; returns what it said."""
    from data.label_studio.__main__ import main

    monkeypatch.setenv("LABEL_STUDIO_API_KEY", li.token)

    def run(command: str, *argv: object) -> str:
        said = call(main, command, *argv, "--url", annotation_server)
        assert said.code == 0, said.err
        assert li.token not in said.out + said.err
        return said.out + said.err

    return run


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that this process may not write to, even where the tests run as root."""
    parent = Path(tempfile.mkdtemp(prefix="qianyue-read-only-"))
    folder = parent / "locked"
    folder.mkdir()
    os.chmod(folder, 0o555)
    os.chmod(parent, 0o755)
    is_root = os.geteuid() == 0
    # Modules that are imported late may lie where only root can read: have them first.
    for name in ("gbk", "gb2312", "gb18030", "big5"):
        "".encode(name)
    surface("醫(yī)院??坪")
    if is_root:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        os.chmod(folder, 0o755)
        shutil.rmtree(parent)
