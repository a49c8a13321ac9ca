"""The in-context model: pretrained on simulated shops, it reads a real shop's past as context and answers at once.

`prior/` simulates shops; `columns.py` and `rows.py` describe a customer at a cutoff; `tasks.py` makes training tasks;
`network.py` answers them; `pretrain.py` trains. Everything that pretraining imports needs torch, numpy, safetensors
and the standard library alone.
"""
