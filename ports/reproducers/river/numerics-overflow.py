import pickle
import numpy as np
from river import optim
w = {}
p = np.array([1.0], "float64")
w |= {('p', i): x for i, x in enumerate(p.ravel().tolist())}
optimizer = optim.AdaGrad(1.0, eps=0.5)
g = {}
g |= {('p', i): x for i, x in enumerate(np.array([2e+154], "float64").ravel().tolist())}
w = optimizer.step(w, g)
