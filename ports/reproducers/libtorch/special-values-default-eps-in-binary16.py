from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor

port = load_adapter("libtorch")
port.begin({"p": tensor("binary16", [1.0])})
port.perform(New("A", (Group(("p",)),)))
port.perform(Step("A", {"p": tensor("binary16", [0.0])}))
seen = port.read("A")["p"].theta.values()[0]
assert -65504.0 <= seen <= 65504.0, f"p[0] = {seen}, due -65504.0 .. 65504.0"
