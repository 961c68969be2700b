from adagrad_conformance.by_hand import AddGroup, Group, New, Step, load_adapter, tensor

port = load_adapter("libtorch")
port.begin({"p": tensor("binary32", [1.0]), "r": tensor("binary32", [1.0])})
port.perform(New("A", (Group(("p",)),)))
port.perform(AddGroup("A", Group(("r",))))
port.perform(
    Step("A", {"p": tensor("binary32", [2.0]), "r": tensor("binary32", [2.0])})
)
