import numpy as np
from vowpalwabbit import Workspace
p = np.array([1.0], "float32")
start, end = {}, 0
start['p'] = end; end += p.size
vw = Workspace('--adaptive --power_t 0.5 --noconstant --loss_function quantile --quantile_tau 1 --min_prediction -1 --max_prediction 1 --save_resume --quiet --learning_rate 1.0')
for i, x in enumerate(p.ravel().tolist()):
    vw.set_weight(start['p'] + i, 0, x)
x = []
x += [(start['p'] + i, v) for i, v in enumerate((-np.array([float("inf")], "float32")).ravel().tolist())]
example = vw.example({"f": x}, labelType=1)
example.set_label_string("1e30")
vw.learn(example); vw.finish_example(example)
seen = float(np.array([vw.get_weight(start['p'] + i, 0) for i in range(p.size)]).ravel()[0])
assert seen != seen, f"p[0] = {seen}, due NaN alone"
