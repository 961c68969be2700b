from adagrad_conformance.by_hand import Group, Load, New, Save, Step, load_adapter, tensor
port = load_adapter('dgl/distributed'); port.begin({'p': tensor('binary32', [1.0])})
port.perform(New('A', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5}))
saved = port.perform(Save('A', 'checkpoint')).saved
port.perform(New('B', (Group(('p',)),), {'lr': 1.0, 'eps': 0.5}))
thetas = {'p': port.read('B')['p'].theta}; port = load_adapter('dgl/distributed'); port.begin(thetas)
port.perform(New('B', (Group(('p',), {'lr': 1.0, 'eps': 0.5}),)))
port.perform(Load('B', 'checkpoint', 'new-process'), None, saved)
port.perform(Step('B', {'p': tensor('binary32', [2.0])}))
seen = port.read('B')['p'].state_sum.values()[0]
assert seen == 4.0, f"p[0] S = {seen}, due 4.0"
