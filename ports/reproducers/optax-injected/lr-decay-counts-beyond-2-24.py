import os; os.environ["JAX_ENABLE_X64"] = "1"
import jax.numpy as jnp, numpy as np
import optax
def chain(lr, lr_decay, tau, eps, weight_decay=None):
    rate = lambda count: lr / (1 + count * lr_decay)
    adagrad = optax.adagrad(rate, tau, eps)
    if weight_decay is None: return adagrad
    return optax.chain(optax.add_decayed_weights(weight_decay), adagrad)
p3 = np.array([0.0], "float32")
params = {'p3': jnp.asarray(p3)}
tx = optax.inject_hyperparams(chain)(lr_decay=0.0, eps=0.5, lr=1.0, tau=0.1); state = tx.init(params)
inner = optax.tree_utils.tree_set(state.inner_state, sum_of_squares={**optax.tree_utils.tree_get(state, 'sum_of_squares'), 'p3': jnp.asarray(np.array([2.0], "float32"))})
inner = optax.tree_utils.tree_set(inner, count=jnp.int32(2147483648))
state = state._replace(inner_state=inner)
