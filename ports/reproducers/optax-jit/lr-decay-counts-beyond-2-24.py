import os; os.environ["JAX_ENABLE_X64"] = "1"
import jax.numpy as jnp, numpy as np
import jax, optax
p3 = np.array([0.0], "float32")
params = {'p3': jnp.asarray(p3)}
tx = optax.adagrad(lambda count: 1.0 / (1 + count * 0.5), eps=0.5); state = tx.init(params)
@jax.jit
def step(params, state, gradients):
    updates, state = tx.update(gradients, state, params)
    return optax.apply_updates(params, updates), state
state = optax.tree_utils.tree_set(state, sum_of_squares={**optax.tree_utils.tree_get(state, 'sum_of_squares'), 'p3': jnp.asarray(np.array([2.0], "float32"))})
if optax.tree_utils.tree_get(state, 'count') is not None: state = optax.tree_utils.tree_set(state, count=jnp.int32(2147483648))
