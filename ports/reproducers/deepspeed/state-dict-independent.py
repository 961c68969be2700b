import torch; from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
# s is the save 'live'
p = torch.nn.Parameter(f32([1.0]))
A = DeepSpeedCPUAdagrad([p], lr=1.0, eps=0.5, fp32_optimizer_states=False)
p.grad = f32([2.0]); A.step()
saved_s = A.state_dict()
B = DeepSpeedCPUAdagrad([p], lr=1.0, eps=0.5, fp32_optimizer_states=False)
B.load_state_dict(saved_s)
B.step()
seen = A.state[p]["exp_avg_sq"].flatten().tolist()[0]
assert seen == 4.0, f"p[0] S = {seen}, due 4.0"
