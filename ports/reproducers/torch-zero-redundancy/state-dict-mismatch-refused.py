from adagrad_conformance.by_hand import Group, Load, New, Refused, Save, Step, load_adapter, tensor
port = load_adapter('torch/zero-redundancy'); port.begin({'p': tensor('binary32', [1.0]), 'q': tensor('binary32', [1.0])})
port.perform(New('A', (Group(('p',)), Group(('q',)),), {'lr': 1.0, 'eps': 0.5}))
port.perform(Step('A', {'p': tensor('binary32', [2.0]), 'q': tensor('binary32', [2.0])}))
port.perform(Save('A', 'checkpoint'))
port.perform(New('B', (Group(('p', 'q')),), {'lr': 1.0, 'eps': 0.5}))
port.perform(Step('B', {'q': tensor('binary32', [0.5])}))
try: port.perform(Load('B', 'checkpoint', 'bytes'))
except Refused as error: print('refused:', error)
seen = port.read('B')['q'].state_sum.values()[0]
assert seen == 0.25, f"q[0] S = {seen}, due 0.25"
