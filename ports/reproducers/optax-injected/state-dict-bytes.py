import os; os.environ["JAX_ENABLE_X64"] = "1"
import jax.numpy as jnp, numpy as np
import optax
def chain(lr, lr_decay, weight_decay, tau, eps):
    rate = lambda count: lr / (1 + count * lr_decay)
    adagrad = optax.adagrad(rate, tau, eps)
    return optax.chain(optax.add_decayed_weights(weight_decay), adagrad)
p = np.array([1.0], "float32")
params = {'p': jnp.asarray(p)}
tx = optax.inject_hyperparams(chain)(lr_decay=0.0, weight_decay=0.0, eps=0.5, lr=1.0, tau=0.1); state = tx.init(params)
updates, state = tx.update({'p': np.array([float("-inf")], "float32")}, state, params)
params = optax.apply_updates(params, updates)
checkpoint = state
params = {'p': params['p']}
tx = optax.inject_hyperparams(chain)(lr_decay=0.0, weight_decay=0.0, eps=0.5, lr=1.0, tau=0.1); state = tx.init(params)
state = checkpoint
updates, state = tx.update({'p': np.array([float("-inf")], "float32")}, state, params)
params = optax.apply_updates(params, updates)
seen = float(np.asarray(optax.tree_utils.tree_get(state, 'sum_of_squares')['p']).ravel()[0])
assert seen == float("inf"), f"p[0] S = {seen}, due inf"
