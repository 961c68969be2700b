import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]).reshape(1, 1))
A = RowWiseAdagrad([p], lr=1.0, eps=0.5)
saved_live = A.state_dict()
B = RowWiseAdagrad([p], lr=1.0, eps=0.5)
B.load_state_dict(saved_live)
p.grad = f32([2.0]).reshape(1, 1); B.step()
seen = int(A.state[p]["step"])
assert seen == 0, f"p counter = {seen}, due 0"
