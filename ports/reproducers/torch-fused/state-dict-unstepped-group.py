# A param that is saved before its first step begins, after a load, with the S_0 that it had.
# Port: torch/fused 2.13.0+cpu
# Formula: sum + g * g, where g has weight_decay * p added to it
# Expected: 4.5 [40900000]; seen: 4 [40800000]
import io, torch
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
# s is the save 'checkpoint'
p = torch.nn.Parameter(f32([1.0]))
r = torch.nn.Parameter(f32([1.0]))
A = torch.optim.Adagrad([p], lr=1.0, eps=0.5, initial_accumulator_value=0.5, fused=True)
A.add_param_group(dict(params=[r], lr=1.0))
torch.save(A.state_dict(), file_s := io.BytesIO())
B = torch.optim.Adagrad([dict(params=[p]), dict(params=[r])], lr=1.0, eps=0.5, fused=True)
file_s.seek(0); B.load_state_dict(torch.load(file_s, weights_only=True))
p.grad = f32([2.0])
r.grad = f32([2.0])
B.step()
seen = B.state[r]["sum"].flatten().tolist()[0]
assert seen == 4.5, f"r[0] S = {seen}, due 4.5"
