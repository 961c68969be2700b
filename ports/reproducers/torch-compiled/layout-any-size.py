from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor
port = load_adapter('torch/compiled'); port.begin({'p': tensor('binary64', [1.0], shape=())})
port.perform(New('A', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5}))
port.perform(Step('A', {'p': tensor('binary64', [2.0], shape=())}))
seen = port.read('A')['p'].state_sum.values()[0]
assert seen == 4.0, f"p[0] S = {seen}, due 4.0"
