from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary64', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 63.7, 'eps': 0.5}))
port.perform(Step('A', {'p': tensor('binary64', [2.0])}))
seen = port.read('A')['p'].theta.values()[0]
assert -49.96000000000001 <= seen <= -49.96, f"p[0] = {seen}, due -49.96000000000001 .. -49.96"
