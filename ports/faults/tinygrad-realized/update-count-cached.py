"""The update count of the first run is used in every later run.

Promise: T is an input, and the rate is R / (1 + T * decay_factor)
    (ONNX, operator Adagrad of ai.onnx.preview.training, version 1).
Expected: with R = 1, decay_factor = 1, epsilon = 0.5, X = 0, G = 2 and H = 0 the runs with
    T = 0 and T = 1 give X = -0.8 and X = -0.4.
Seen: X = -0.8 twice, for the runner keeps T by its name.
Install: pip install tinygrad==0.14.0 onnx==1.23.2 numpy==2.4.6; clang on the PATH
"""

import sys

import numpy as np
from onnx import parser
from onnx.reference import ReferenceEvaluator
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

MODEL = parser.parse_model("""
<ir_version: 9, opset_import: ["": 18, "ai.onnx.preview.training": 1]>
step (float R, int64 T, float[1] X, float[1] G, float[1] H)
    => (float[1] X2, float[1] H2)
{ X2, H2 = ai.onnx.preview.training.Adagrad<decay_factor = 1.0, epsilon = 0.5>(R, T, X, G, H) }
""")


def control(feeds):
    """The same run by ONNX's own evaluator."""
    arrays = {k: v.numpy() if isinstance(v, Tensor) else v for k, v in feeds.items()}
    results = ReferenceEvaluator(MODEL).run(None, arrays)
    return {"X2": Tensor(results[0]), "H2": Tensor(results[1])}


runner = OnnxRunner(Tensor(MODEL.SerializeToString()))
step = control if "--control" in sys.argv else runner
zero, G = np.zeros(1, np.float32), np.array([2.0], np.float32)
R = np.array(1.0, np.float32)
seen = []
for T in range(2):
    made = step({"R": R, "T": np.array(T), "X": zero, "G": G, "H": zero})
    seen.append(round(float(made["X2"].numpy()[0]), 6))
if seen != [-0.8, -0.4]:
    sys.exit(f"expected X = [-0.8, -0.4], seen {seen}")
