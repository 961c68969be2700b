import torch; from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
e = torch.nn.Parameter(f32([1.0, 1.0]))
A = DeepSpeedCPUAdagrad([e], lr=1.0, eps=0.5, fp32_optimizer_states=False)
e.grad = torch.sparse_coo_tensor([[1, 0]], f32([2.0, 2.0]), (2,)); A.step()
