import torch; from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
v = torch.nn.Parameter(f32([1.0]))
A = DeepSpeedCPUAdagrad([v], lr=1.0, eps=0.5, fp32_optimizer_states=False)
v.grad = torch.sparse_coo_tensor([[0, 0]], f32([2.0, 2.0]), (1,)); A.step()
