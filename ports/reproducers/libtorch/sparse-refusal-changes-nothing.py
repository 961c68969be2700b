from adagrad_conformance.by_hand import (
    Group,
    New,
    Refused,
    Sparse,
    Step,
    load_adapter,
    tensor,
)

port = load_adapter("libtorch")
port.begin({"e": tensor("binary32", [1.0], shape=(1, 1))})
port.perform(New("A", (Group(("e",), {"weight_decay": 0.5}),), {"lr": 1.0, "eps": 0.5}))
try:
    port.perform(
        Step("A", {"e": Sparse((1, 1), (), tensor("binary32", [], shape=(0, 1)))})
    )
except Refused as error:
    print("refused:", error)
seen = port.read("A")["e"].t
assert seen == 0, f"e counter = {seen}, due 0"
