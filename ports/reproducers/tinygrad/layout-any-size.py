import numpy as np
from onnx import TensorProto, helper
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner


def model(kind, shape, **attributes):
    node = helper.make_node(
        "Adagrad",
        ["R", "T", "X", "G", "H"],
        ["X2", "H2"],
        domain="ai.onnx.preview.training",
        **attributes,
    )
    info = helper.make_tensor_value_info
    scalars = [info("R", kind, []), info("T", TensorProto.INT64, [])]
    tensors = [info(name, kind, shape) for name in "XGH"]
    results = [info(name, kind, shape) for name in ("X2", "H2")]
    graph = helper.make_graph([node], "step", scalars + tensors, results)
    domains = [("", 18), ("ai.onnx.preview.training", 1)]
    opsets = [helper.make_opsetid(*domain) for domain in domains]
    return helper.make_model(graph, opset_imports=opsets)


X, H, T, run = {}, {}, {}, {}
X["q"] = Tensor(np.array([1.0], "float32"))
run["q"] = OnnxRunner(
    Tensor(model(TensorProto.FLOAT, X["q"].shape, epsilon=0.5).SerializeToString())
)
H["q"] = Tensor(np.full_like(X["q"].numpy(), 0))
T["q"] = 0
out = run["q"](
    {
        "R": np.array(1.0, "float32"),
        "T": np.array(T["q"]),
        "X": X["q"],
        "G": Tensor(np.array([2.0], "float32")),
        "H": H["q"],
    }
)
X["q"], H["q"] = out["X2"], out["H2"]
print(X["q"].numpy(), H["q"].numpy())
T["q"] += 1
seen = float(H["q"].numpy().ravel()[0])
assert seen == 4.0, f"q[0] S = {seen}, due 4.0"
