import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
q_storage = f32([1.0])
q = torch.nn.Parameter(q_storage.as_strided((1,), (3,), 0))
A = RowWiseAdagrad([q], lr=1.0, eps=0.5)
