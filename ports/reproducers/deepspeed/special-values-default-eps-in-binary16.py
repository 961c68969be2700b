import torch; from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
f16 = lambda v: torch.tensor(v, dtype=torch.float16)
p = torch.nn.Parameter(f16([1.0]))
A = DeepSpeedCPUAdagrad([p], fp32_optimizer_states=False)
p.grad = f16([0.0]); A.step()
seen = p.grad.flatten().tolist()[0]
assert str(seen) == '0.0', f"p[0] gradient = {seen}, due 0.0"
