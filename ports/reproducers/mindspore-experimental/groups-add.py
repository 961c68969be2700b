from adagrad_conformance.by_hand import AddGroup, Group, New, Step, load_adapter, tensor

port = load_adapter("mindspore/experimental")
port.begin({"p": tensor("binary32", [1.0]), "q": tensor("binary32", [1.0])})
port.perform(New("A", (Group(("p",)),), {"lr": 1.0, "eps": 0.5}))
port.perform(AddGroup("A", Group(("q",))))
port.perform(
    Step("A", {"p": tensor("binary32", [2.0]), "q": tensor("binary32", [2.0])})
)
assert port.read("A")["q"].state_sum is not None, "no accumulator"
