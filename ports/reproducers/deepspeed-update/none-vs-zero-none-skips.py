import torch; from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]))
q = torch.nn.Parameter(f32([1.0]))
A = DeepSpeedCPUAdagrad([p, q], lr=1.0, eps=0.5, fp32_optimizer_states=False)
q.grad = f32([2.0]); A.step()
A.step()
seen = A.state[q]["exp_avg_sq"].flatten().tolist()[0]
assert seen == 8.0, f"q[0] S = {seen}, due 8.0"
