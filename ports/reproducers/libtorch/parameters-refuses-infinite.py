from adagrad_conformance.by_hand import Group, New, Refused, load_adapter, tensor
from math import inf

port = load_adapter("libtorch")
port.begin({"p": tensor("binary32", [1.0])})
try:
    port.perform(New("A", (Group(("p",)),), {"lr": inf}))
except Refused as error:
    print("refused, as is due:", error)
else:
    raise SystemExit("accepted, though lr=inf is not finite")
