import torch
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice, EmbeddingLocation, OptimType, WeightDecayMode,
    SplitTableBatchedEmbeddingBagsCodegen as Tables)
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = f32([1.0])
table = lambda t: t.reshape(len(t), -1).repeat_interleave(4, dim=1)
w = table(p)
tables = Tables([(*w.shape, EmbeddingLocation.HOST, ComputeDevice.CPU)], optimizer=OptimType.EXACT_ROWWISE_ADAGRAD,
    stochastic_rounding=False, weight_decay=0.5, learning_rate=1.0, eps=0.5, weight_decay_mode=WeightDecayMode.L2)
tables.split_embedding_weights()[0].copy_(w)
seen = tables(torch.arange(len(w)), torch.arange(len(w) + 1))
seen.backward(table(f32([2.0])))
seen = float(tables.split_optimizer_states()[0][0].view(len(w), 1).expand(len(w), p[0].numel()).ravel()[0])
assert seen == 6.25, f"p[0] S = {seen}, due 6.25"
