"""A web server needs nothing beyond requirements-web.txt, which is all that its image holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app.config import CHECKOUT

# Refuses whatever comes from a distribution that the image does not hold, then calls what a web server answers.
SCRIPT = """
import importlib.metadata, re, sys
from io import BytesIO
from pathlib import Path

def plain(name): return re.sub(r"[-_.]+", "-", name).lower()
held = {plain(line.split("==")[0]) for line in Path("requirements-web.txt").read_text().splitlines()}
refused = {top for top, names in importlib.metadata.packages_distributions().items()
           if not held & {plain(name) for name in names}}

class Image:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"{name} is not in the web image", name=name)
sys.meta_path.insert(0, Image())
before = set(sys.modules)  # what a .pth file of the environment loads

from app.config import Settings
from deploy import start
start.prepare(Settings.from_env())
import wsgi
web = wsgi.app.test_client()
image = Path("static/samples/fundus_normal.jpg").read_bytes()
def check(answer, *codes):
    assert answer.status_code in (codes or (200,)), (answer.request.path, answer.get_data(as_text=True))
for path in ("/", "/predict", "/bulk", "/data", "/train", "/models", "/monitor", "/docs", "/openapi.json", "/metrics",
             "/readyz", "/api/health", "/api/status", "/api/statistics", "/api/classifiers", "/api/models",
             "/api/predictions", "/api/visualizations", "/api/datasets/glaucoma", "/api/drift/glaucoma",
             "/api/model-info"):
    check(web.get(path))
check(web.post("/api/predict?classifier=glaucoma&explain=true", data={"file": (BytesIO(image), "a.jpg")}))
labelled = {"classifier": "glaucoma", "label": "normal", "files": (BytesIO(image), "a.jpg")}
check(web.post("/api/upload", data=labelled), 201)
check(web.post("/api/bulk-predict", data={"classifier": "glaucoma", "files": (BytesIO(image), "a.jpg")}), 202, 503)
check(web.post("/api/retrain", json={"classifier": "glaucoma"}), 202, 409, 422, 503, 400)
job = web.get("/api/jobs").get_json()
check(web.get("/api/datasets/glaucoma/audit"), 200, 404)
print("answered", sorted(name for name in refused if name in sys.modules and name not in before))
"""


def test_a_web_server_answers_with_what_its_image_holds(tmp_path: Path) -> None:
    env = os.environ | {"DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", SCRIPT], cwd=CHECKOUT, env=env,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "answered []"
