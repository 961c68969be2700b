from adagrad_conformance.by_hand import Group, New, Refused, load_adapter, tensor

port = load_adapter("libtorch")
port.begin({"q": tensor("binary32", [1.0])})
try:
    port.perform(
        New(
            "A",
            (
                Group(("q",)),
                Group(("q",)),
            ),
        )
    )
except Refused as error:
    print("refused, as is due:", error)
else:
    raise SystemExit("accepted, though a param is already in a group")
