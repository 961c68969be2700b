"""FBGEMM's EXACT_ROWWISE_ADAGRAD takes L2 weight decay and ignores it on the CPU.

Promise: weight_decay is used by row-wise Adagrad, as L2 with WeightDecayMode.L2
    (docs.pytorch.org/FBGEMM, Table Batched Embedding training module, weight_decay).
Expected: the gradient -1 + 1 * 4 = 3 of each element gives S = 9 for the row and the
    weights 4 - 0.5 * 3 / 3 = 3.5.
Seen: S = 1 and the weights 4.5, those of the gradient -1 without any decay.
Install: pip install torch==2.13.0 fbgemm-gpu-cpu==1.8.0
"""

import sys

import numpy as np

LR, DECAY, WEIGHT, GRADIENT = 0.5, 1.0, 4.0, -1.0

if sys.argv[1:] == ["--control"]:
    weights = np.full((1, 4), WEIGHT)
    decayed = GRADIENT + DECAY * weights
    total = (decayed**2).mean(axis=1)
    weights -= LR * decayed / np.sqrt(total)[:, None]
else:
    import torch
    from fbgemm_gpu import split_table_batched_embeddings_ops_training as tbe

    module = tbe.SplitTableBatchedEmbeddingBagsCodegen(
        [(1, 4, tbe.EmbeddingLocation.HOST, tbe.ComputeDevice.CPU)],
        optimizer=tbe.OptimType.EXACT_ROWWISE_ADAGRAD,
        learning_rate=LR,
        eps=0.0,
        weight_decay=DECAY,
        weight_decay_mode=tbe.WeightDecayMode.L2,
    )
    [weights], [[total]] = (
        module.split_embedding_weights(),
        module.split_optimizer_states(),
    )
    weights.fill_(WEIGHT)
    looked_up = module(torch.tensor([0]), torch.tensor([0, 1]))
    looked_up.backward(torch.full((1, 4), GRADIENT))

seen = (float(total[0]), float(weights[0, 0]))
if seen != (9.0, 3.5):
    sys.exit(f"expected S and weight (9.0, 3.5), seen {seen}")
