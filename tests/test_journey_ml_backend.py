"""The ML backend against the real server: connected, asked, and what it says stands beside the task."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from data.article import Article
from data.formats.base import Ledger
from data.formats.label_studio import task_to_article
from models.document import Predictor
from models.extractor import Extractor
from models.serve import Backend, make_server

server_of_tests = pytest.importorskip("label_studio_server")
TEXT = "😀11月8日，青杨市中心医院与柳河县人民医院签署合作协议，\n院长沈一帆代表青杨市中心医院签字。"


@pytest.mark.slow
@pytest.mark.skipif(bool(server_of_tests.MISSING), reason=server_of_tests.MISSING or "-")
def test_pre_annotation_while_the_annotator_waits(predictor: Predictor, li: Any) -> None:
    """The server is started by the project's own script, which lets it ask a backend on this machine."""
    from data.label_studio.config import labelling_config

    backend = make_server(Backend(Extractor(predictor), version="untrained"), host="127.0.0.1", port=0)
    thread = threading.Thread(target=backend.serve_forever, daemon=True)
    thread.start()
    try:
        client = li.client
        project = client.post("/api/projects", json={"title": "live", "label_config": labelling_config(predictor.encoder.schema)}).json()["id"]
        made = client.post("/api/ml", json={"url": f"http://127.0.0.1:{backend.server_address[1]}", "project": project, "title": "qianyue"})
        assert made.status_code == 201 and made.json()["readable_state"] == "Connected", made.text
        data = {"id": "a", "text": TEXT, "published": "", "publisher": ""}
        sent = client.post(f"/api/projects/{project}/import?return_task_ids=1", json=[{"data": data}])
        assert sent.is_success, sent.text
        task = sent.json()["task_ids"][0]
        asked = client.post(f"/api/dm/actions?id=retrieve_tasks_predictions&project={project}",
                            json={"selectedItems": {"all": False, "included": [task]}, "project": project})
        assert asked.is_success, asked.text
        found = task_to_article({**client.get(f"/api/tasks/{task}").json(), "annotations": []}, Ledger(source="server"))
        [expected] = Extractor(predictor).extract_all([Article(id="a", text=TEXT)])
        assert found is not None and found.model == "untrained" and expected.entities
        assert (found.entities, found.relations) == (expected.entities, expected.relations)
    finally:
        backend.shutdown()
        backend.server_close()
        thread.join(timeout=10)
