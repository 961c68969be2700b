import copy, torch; from adagradw import AdagradW
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
r = torch.nn.Parameter(f64([1.0]))
A = AdagradW([dict(params=[r], weight_decay=0.5)], lr=1.0, eps=0.5, foreach=True)
copy_checkpoint = copy.deepcopy(A.state_dict())
B = AdagradW([r], lr=1.0, eps=0.5, foreach=True)
B.load_state_dict(copy.deepcopy(copy_checkpoint))
r.grad = f64([2.0]); B.step()
seen = r.grad.flatten().tolist()[0]
assert seen == 2.0, f"r[0] gradient = {seen}, due 2.0"
