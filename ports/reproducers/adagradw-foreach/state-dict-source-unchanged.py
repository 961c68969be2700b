import io, torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
r = torch.nn.Parameter(f32([1.0]))
A = AdagradW([dict(params=[r], weight_decay=0.5)], lr=1.0, eps=0.5, foreach=True)
saved_live = A.state_dict()
C = AdagradW([r], lr=1.0, eps=0.5, foreach=True)
C.load_state_dict(saved_live)
torch.save(C.state_dict(), file_again := io.BytesIO())
D = AdagradW([r], lr=1.0, eps=0.5, foreach=True)
file_again.seek(0); D.load_state_dict(torch.load(file_again, weights_only=True))
r.grad = f32([2.0]); D.step()
seen = r.grad.flatten().tolist()[0]
assert seen == 2.0, f"r[0] gradient = {seen}, due 2.0"
