from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor
port = load_adapter('fbgemm/row-wise'); port.begin({'p': tensor('binary32', [1.0]), 'q': tensor('binary32', [1.0])})
port.perform(New('A', (Group(('p', 'q')),), {'lr': 1.0, 'eps': 0.5, 'weight_decay': 0.5}))
port.perform(Step('A', {'q': tensor('binary32', [2.0])}))
seen = port.read('A')['q'].state_sum.values()[0]
assert seen == 6.25, f"q[0] S = {seen}, due 6.25"
