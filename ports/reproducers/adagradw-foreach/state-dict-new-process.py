import io, torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
r = torch.nn.Parameter(f32([1.0]))
A = AdagradW([dict(params=[r], weight_decay=0.5)], lr=1.0, eps=0.5, foreach=True)
torch.save(A.state_dict(), file_checkpoint := io.BytesIO())
B = AdagradW([r], lr=1.0, eps=0.5, foreach=True)
r = torch.nn.Parameter(r.detach().clone()); B = AdagradW([dict(params=[r], lr=1.0, eps=0.5)], foreach=True)
file_checkpoint.seek(0); B.load_state_dict(torch.load(file_checkpoint, weights_only=True))
r.grad = f32([2.0]); B.step()
seen = r.grad.flatten().tolist()[0]
assert seen == 2.0, f"r[0] gradient = {seen}, due 2.0"
