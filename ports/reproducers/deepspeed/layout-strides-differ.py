import torch; from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p_storage = f32([1.0, -3.25, 1.0])
p = torch.nn.Parameter(p_storage.as_strided((2,), (2,), 0))
A = DeepSpeedCPUAdagrad([p], lr=1.0, eps=0.5, fp32_optimizer_states=False)
p.grad = f32([2.0, -3.25, -3.25, 2.0]).as_strided((2,), (3,), 0); A.step()
seen = p.flatten().tolist()[0]
assert 0.19999992847442627 <= seen <= 0.2000000774860382, f"p[0] = {seen}, due 0.19999992847442627 .. 0.2000000774860382"
