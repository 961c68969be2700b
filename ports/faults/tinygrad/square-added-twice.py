"""A square is added to the accumulator twice.

Promise: H_new = H + G^2, from the inputs as they are given
    (ONNX, operator Adagrad of ai.onnx.preview.training, version 1).
Expected: two steps with G = 2 from H = 0 give H = 8.
Seen: H = 12: the first step's results were read, and go into the second as they are;
    there the new H is computed once for X and once more for itself.
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
{ X2, H2 = ai.onnx.preview.training.Adagrad<epsilon = 0.001>(R, T, X, G, H) }
""")


def control(feeds):
    """The same run by ONNX's own evaluator."""
    arrays = {k: v.numpy() if isinstance(v, Tensor) else v for k, v in feeds.items()}
    results = ReferenceEvaluator(MODEL).run(None, arrays)
    return {"X2": Tensor(results[0]), "H2": Tensor(results[1])}


runner = OnnxRunner(Tensor(MODEL.SerializeToString()))
step = control if "--control" in sys.argv else runner
X, H = (Tensor(np.array([x], np.float32)) for x in (1.0, 0.0))
G, R = np.array([2.0], np.float32), np.array(0.5, np.float32)
for T in range(2):
    made = step({"R": R, "T": np.array(T), "X": X, "G": G, "H": H})
    X, H = made["X2"], made["H2"]
    X.numpy()  # the user looks at the param, then at its accumulator
    seen = float(H.numpy()[0])
if seen != 8.0:
    sys.exit(f"expected H = 8.0, seen {seen}")
