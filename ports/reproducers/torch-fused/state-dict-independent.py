# After loading one optimizer's own dict, the two do not share state.
# Port: torch/fused 2.13.0+cpu
# Expected: 0; seen: 1
import torch
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
# s is the save 'live'
p = torch.nn.Parameter(f32([1.0]))
A = torch.optim.Adagrad([p], lr=1.0, eps=0.5, fused=True)
saved_s = A.state_dict()
B = torch.optim.Adagrad([p], lr=1.0, eps=0.5, fused=True)
B.load_state_dict(saved_s)
p.grad = f32([2.0]); B.step()
seen = int(A.state[p]["step"])
assert seen == 0, f"p counter = {seen}, due 0"
