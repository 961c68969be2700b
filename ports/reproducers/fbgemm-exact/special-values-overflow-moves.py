import torch
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice, EmbeddingLocation, OptimType, WeightDecayMode,
    SplitTableBatchedEmbeddingBagsCodegen as Tables)
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = f32([1.0])
table = lambda t: torch.nn.functional.pad(t.reshape(len(t), -1), (0, -t[0].numel() % 4))
w = table(p)
tables = Tables([(*w.shape, EmbeddingLocation.HOST, ComputeDevice.CPU)], optimizer=OptimType.EXACT_ADAGRAD,
    stochastic_rounding=False, learning_rate=1.0, eps=0.5)
tables.split_embedding_weights()[0].copy_(w)
seen = tables(torch.arange(len(w)), torch.arange(len(w) + 1))
seen.backward(table(f32([3.000000104103097e+19])))
seen = float(tables.split_embedding_weights()[0][:, :p[0].numel()].ravel()[0])
assert seen != 1.0, f"p[0] = {seen}, due another number"
