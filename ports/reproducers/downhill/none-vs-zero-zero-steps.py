import os
os.environ["THEANO_FLAGS"] = "cxx=,blas.ldflags="  # no compiler, no BLAS
import downhill, numpy as np, theano
p = theano.shared(np.array([1.0], "float64"), 'p')
params = [p]
theano.config.floatX = params[0].dtype
grads = [p.type() for p in params]
loss = sum((g * p).sum() for g, p in zip(grads, params))
optimizer = downhill.build("adagrad", loss, params, grads)
updates = list(optimizer.get_updates(learning_rate=1.0, rms_regularizer=0.5))
step = theano.function(grads, [], updates=updates)
sums = [v for v, _ in updates if v not in params]
step(np.array([2.0], "float64"))
seen = float(p.get_value().ravel()[0])
assert 0.19999999999999996 <= seen <= 0.2, f"p[0] = {seen}, due 0.19999999999999996 .. 0.2"
