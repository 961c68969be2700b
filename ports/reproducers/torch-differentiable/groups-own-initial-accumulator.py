import torch
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = f32([1.0])
A = torch.optim.Adagrad([dict(params=[p], initial_accumulator_value=0.5)], lr=1.0, eps=0.5, differentiable=True)
seen = A.state[p]["sum"].flatten().tolist()[0]
assert seen == 0.5, f"p[0] S = {seen}, due 0.5"
