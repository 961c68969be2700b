from adagrad_conformance.by_hand import (
    Group,
    Load,
    New,
    Refused,
    Save,
    load_adapter,
    tensor,
)

port = load_adapter("mindspore/experimental")
port.begin({"p": tensor("binary32", [1.0]), "q": tensor("binary32", [1.0])})
port.perform(
    New(
        "A",
        (
            Group(("p",)),
            Group(("q",)),
        ),
        {"lr": 1.0, "eps": 0.5},
    )
)
port.perform(Save("A", "checkpoint"))
port.perform(New("B", (Group(("p", "q")),), {"lr": 1.0, "eps": 0.5}))
try:
    port.perform(Load("B", "checkpoint", "bytes"))
except Refused as error:
    print("refused, as is due:", error)
else:
    raise SystemExit("accepted, though another number of groups or params")
