# char-level LSTM language model trained with truncated backprop through time (stateful hidden across chunks)
import math
import time

import torch
import torch.nn as nn

torch.manual_seed(0)

RHYME = (
    "one for the master and one for the dame, and one for the little boy who lives down the lane. "
    "two for the sailor and two for the sea, and two for the sparrow who sits in the tree. "
    "three for the baker and three for the bread, and three for the cat who is asleep in the bed. "
)
CORPUS = RHYME * 24

vocab = sorted(set(CORPUS))
ids = torch.tensor([vocab.index(c) for c in CORPUS])
split = int(len(ids) * 0.85)

bptt = 25
bsz = 12
eval_bsz = 4


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    data = data.narrow(0, 0, nbatch * bsz)
    return data.view(bsz, -1).t().contiguous()


def get_batch(source, i):
    seq_len = min(bptt, len(source) - 1 - i)
    return source[i:i + seq_len], source[i + 1:i + 1 + seq_len].reshape(-1)


def repackage_hidden(h):
    """Wraps hidden states in new Tensors, to detach them from their history."""
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


class CharLSTM(nn.Module):
    def __init__(self, ntoken, ninp=24, nhid=64, nlayers=1):
        super().__init__()
        self.nhid, self.nlayers = nhid, nlayers
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, nhid, nlayers)
        self.decoder = nn.Linear(nhid, ntoken)

    def forward(self, tokens, hidden):
        out, hidden = self.rnn(self.encoder(tokens), hidden)
        return self.decoder(out).flatten(0, 1), hidden

    def init_hidden(self, bsz):
        w = next(self.parameters())
        return (w.new_zeros(self.nlayers, bsz, self.nhid), w.new_zeros(self.nlayers, bsz, self.nhid))


train_data = batchify(ids[:split], bsz)
val_data = batchify(ids[split:], eval_bsz)

lm = CharLSTM(len(vocab))
criterion = nn.CrossEntropyLoss()
lr = 4.0
best_val_loss = None


def evaluate(source):
    lm.eval()
    total_loss = 0.
    hidden = lm.init_hidden(eval_bsz)
    with torch.no_grad():
        for i in range(0, source.size(0) - 1, bptt):
            data, targets = get_batch(source, i)
            output, hidden = lm(data, hidden)
            hidden = repackage_hidden(hidden)
            total_loss += len(data) * criterion(output, targets).item()
    return total_loss / (len(source) - 1)


optimizer = torch.optim.SGD(lm.parameters(), lr=lr)
epoch = 1
while epoch <= 5:
    t0 = time.time()
    lm.train()
    total_loss = 0.
    hidden = lm.init_hidden(bsz)
    for batch, i in enumerate(range(0, train_data.size(0) - 1, bptt), start=1):
        data, targets = get_batch(train_data, i)
        hidden = repackage_hidden(hidden)
        optimizer.zero_grad()
        output, hidden = lm(data, hidden)
        loss = criterion(output, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(lm.parameters(), 0.5)
        optimizer.step()

        total_loss += loss.item()
        if batch % 5 == 0:
            cur_loss = total_loss / 5
            print('| epoch {:3d} | {:5d} batches | lr {:02.2f} | loss {:5.3f} | ppl {:8.2f}'.format(
                epoch, batch, optimizer.param_groups[0]['lr'], cur_loss, math.exp(cur_loss)))
            total_loss = 0.

    val_loss = evaluate(val_data)
    print('-' * 70)
    print('| end of epoch {:3d} | time: {:5.2f}s | valid loss {:5.3f} | valid ppl {:8.2f}'.format(
        epoch, time.time() - t0, val_loss, math.exp(val_loss)))
    print('-' * 70)
    if not best_val_loss or val_loss < best_val_loss:
        best_val_loss = val_loss
    else:
        # Anneal the learning rate if no improvement has been seen in the validation dataset.
        for group in optimizer.param_groups:
            group['lr'] /= 4.0
    epoch += 1
