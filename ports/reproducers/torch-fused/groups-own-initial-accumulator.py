# A group's initial_accumulator_value is honoured.
# Port: torch/fused 2.13.0+cpu
# Formula: sum = initial_accumulator_value before the first step
# Expected: 0.5; seen: 0.0
import torch
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]))
A = torch.optim.Adagrad([dict(params=[p], initial_accumulator_value=0.5)], lr=1.0, eps=0.5, fused=True)
seen = A.state[p]["sum"].flatten().tolist()[0]
assert seen == 0.5, f"p[0] S = {seen}, due 0.5"
