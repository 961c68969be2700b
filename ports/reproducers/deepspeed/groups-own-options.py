import torch; from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
a = torch.nn.Parameter(f32([1.0]))
A = DeepSpeedCPUAdagrad([dict(params=[a], lr=1.0)], lr=1.0, eps=0.5, fp32_optimizer_states=False)
a.grad = f32([2.0]); A.step()
seen = a.grad.flatten().tolist()[0]
assert seen == 2.0, f"a[0] gradient = {seen}, due 2.0"
