"""Exercises of notebook 01: right answers, and mistakes that are told by name."""

import re

import numpy as np
import torch
from derived import cells_of
from exercise_cases import standard_tests

from lnlkit import data, exercises, models, noise, training
from lnlkit.methods import cvae_augmentation

NOTEBOOK = "01_cvae_augmentation"


def per_class(y, S, rate):
    y_noisy = y.copy()
    for k in np.unique(y):
        members = np.flatnonzero(y == k)
        y_noisy[members] = noise.flip_hardest(y[members], S[members], rate)
    return y_noisy


def first_best(val, test):
    return test[val.argmax()]


def in_a_loop(val, test):
    return max(zip(val, test, strict=True), key=lambda epoch: epoch[0])[1]


def shuffled_within(y, labels, rng):
    twin = labels.copy()
    for k in np.unique(y):
        twin[y == k] = rng.permutation(labels[y == k])
    return twin


def sorted_twice(y, labels, rng):
    twin = np.empty_like(labels)
    twin[np.lexsort((rng.random(len(y)), y))] = labels[np.argsort(y, kind="stable")]
    return twin


def turned_within(y, labels, rng):
    twin = labels.copy()
    for k in np.unique(y):
        twin[y == k] = np.roll(labels[y == k], 1)
    return twin


def hardest_again(y, labels, rng):
    """Wrong labels are shuffled among the images that were wrong before."""
    twin = labels.copy()
    for k in np.unique(y):
        wrong = (y == k) & (labels != y)
        twin[wrong] = rng.permutation(labels[wrong])
    return twin


def of_rows(y, labels, rng):
    return noise.corrupt(y, noise.measured_T(y, labels, 5), rng)


def trained(x, y, n_classes, epochs=25, kl_weight=1.0, latent=5):
    cvae = models.ConditionalVAE((1, 8, 8), n_classes, latent, hidden=64)
    optimizer = torch.optim.Adam(cvae.parameters(), lr=2e-3)
    for _ in range(epochs):
        for index in torch.randperm(len(x)).split(32):
            reconstruction, kl = cvae_augmentation.cvae_terms(cvae, training.Batch(x[index], y[index], index))
            optimizer.zero_grad()
            (reconstruction + kl_weight * kl).mean().backward()
            optimizer.step()
    return cvae


def own_loop(x, y, n_classes, n_each, **options):
    asked = torch.arange(n_classes).repeat(n_each)
    return trained(x, y, n_classes, **options).sample(asked), asked


def of_the_package(x, y, n_classes, n_each):
    seen = data.Labelled((255 * x[:, 0]).round().byte().numpy(), y.numpy(), n_classes)
    cvae, _ = cvae_augmentation.train_cvae(seen, hidden=100, epochs=20, lr=1e-3)
    images, labels = cvae_augmentation.generate(cvae, n_classes * n_each)
    return images.numpy() / 255, labels.numpy()


def shares_of_the_set(x, y, n_classes, n_each):
    asked = y[torch.randint(len(y), (n_classes * n_each,))]
    return trained(x, y, n_classes, epochs=1).sample(asked), asked


def logits(x, y, n_classes, n_each):
    asked = torch.arange(n_classes).repeat(n_each)
    return trained(x, y, n_classes, epochs=3).decode(torch.randn(len(asked), 5), asked), asked


def out_of_step(x, y, n_classes, n_each):
    return own_loop(x, y, n_classes, n_each)[0], torch.arange(n_classes).repeat_interleave(n_each)


def copies(x, y, n_classes, n_each):
    picked = torch.cat([torch.nonzero(y == k)[torch.randint((y == k).sum(), (n_each,)), 0] for k in range(n_classes)])
    return x[picked], y[picked]


def averages(x, y, n_classes, n_each):
    means = torch.stack([x[y == k].mean(0) for k in range(n_classes)])
    asked = torch.arange(n_classes).repeat(n_each)
    return means[asked], asked


def without_classes(x, y, n_classes, n_each):
    images, asked = own_loop(x, torch.zeros_like(y), n_classes, n_each)
    return images, asked


RIGHT = {
    "01.0": {"as numbers": {1: 0.2 / 9, 2: 143, 3: 0.5},
             "rounded, of NumPy": {1: 0.0222, 2: np.int64(143), 3: np.float32(0.5)}},
    "01.1": {"one class at a time": per_class},
    "01.2": {"Bayes' rule": lambda T, n: n * np.diag(T) / (n @ T),
             "as a list": lambda T, n: [n[c] * T[c, c] / sum(n[k] * T[k, c] for k in range(len(n)))
                                        for c in range(len(n))]},
    "01.3": {"argmax": first_best, "a loop": in_a_loop},
    "01.4": {"shuffled within each class": shuffled_within, "sorted twice": sorted_twice,
             "exact counts": lambda y, labels, rng: noise.corrupt(y, noise.measured_T(y, labels, 5), rng, exact=True)},
    "01.5": {"logsumexp": lambda log_w: torch.logsumexp(log_w, 0) - np.log(len(log_w)),
             "the largest taken out": lambda log_w: log_w.max(0).values
             + torch.log(torch.exp(log_w - log_w.max(0).values).mean(0)),
             "NumPy": lambda log_w: np.log(np.exp(log_w.double().numpy()).mean(0))},
    "01.6": {"a loop": own_loop, "the package": of_the_package},
}  # fmt: skip
WRONG = {
    "01.0": {"the flips shared by all ten": ({1: 0.02, 2: 143, 3: 0.5}, "Question 1, got 0.02: the 20 % are shared"),
             "per cent": ({1: 2.22, 2: 143, 3: 0.5}, "not per cent"),
             "not rounded down": ({1: 0.2 / 9, 2: 144, 3: 0.5}, "Question 2, got 144"),
             "half forgotten": ({1: 0.2 / 9, 2: 143, 3: 1.0}, "Question 3, got 1.0"),
             "words": ({1: "a ninth", 2: 143, 3: 0.5}, "Question 1, got 'a ninth'"),
             "one missing": ({1: 0.2 / 9, 2: None, 3: 0.5}, "No number yet for question 2; the others are right"),
             "a list": ([0.2 / 9, 143, 0.5], "must be a dict")},
    "01.1": {"the whole set": (noise.flip_hardest, "and not of the whole set"),
             "the easiest": (lambda y, S, rate: per_class(y, 1 - S, rate), "easier image was flipped"),
             "rounded up": (lambda y, S, rate: per_class(y, S, rate + 0.02), "floor(p n_k)")},
    "01.2": {"the diagonal": (lambda T, n: np.diag(T), "the other way round"),
             "equal classes": (lambda T, n: np.diag(T) / T.sum(0), "sum_k n_k T_kc"),
             "transposed": (lambda T, n: n * np.diag(T) / (T @ n), "sum_k n_k T_kc")},
    "01.3": {"best on the test set": (lambda val, test: test.max(), "no choice may look at it"),
             "the last epoch": (lambda val, test: test[-1], "that is the last epoch"),
             "validation accuracy": (lambda val, test: val.max(), "measured on noisy labels"),
             "the last of a tie": (lambda val, test: test[len(val) - 1 - val[::-1].argmax()], "take the first"),
             "the worst epoch": (lambda val, test: test[val.argmin()], "in which noisy validation is best"),
             "the number of the epoch": (lambda val, test: val.argmax(), "in which noisy validation is best")},
    "01.4": {"the same labels": (lambda y, labels, rng: labels, "the same images are wrong, which is not chance"),
             "the whole set shuffled": (lambda y, labels, rng: rng.permutation(labels), "stay inside each"),
             "drawn from the rows": (of_rows, "hand on the labels that are there"),
             "the same images": (hardest_again, "nothing of the image may count"),
             "no chance": (turned_within, "draw from the one given")},
    "01.5": {"mean of the logs": (lambda log_w: log_w.mean(0), "take the log of the mean"),
             "the sum": (lambda log_w: torch.logsumexp(log_w, 0), "their mean is asked"),
             "underflow": (lambda log_w: torch.log(torch.exp(log_w).mean(0)), "exp(-120) is 0 in float32"),
             "one number in all": (lambda log_w: torch.logsumexp(log_w.flatten(), 0), "one number an image"),
             "over the images": (lambda log_w: torch.logsumexp(log_w, 1) - np.log(log_w.shape[1]), "over dim 0")},
    "01.6": {"shares of the set": (shares_of_the_set, "ask for every class equally often"),
             "logits": (logits, "a sigmoid is missing"),
             "out of step": (out_of_step, "not in the same order"),
             "training images": (copies, "images of the training set"),
             "averages": (averages, "a code z of its own"),
             "the label left out": (without_classes, "is the label on both sides"),
             "no KL divergence": (lambda *of: own_loop(*of, kl_weight=0, latent=20), "the KL divergence in the loss"),
             "two epochs": (lambda *of: own_loop(*of, epochs=2), "the training long enough"),
             "images alone": (lambda *of: own_loop(*of, epochs=1)[0], "Return two things")},
}  # fmt: skip

test_right, test_wrong, test_all, test_stub = standard_tests("01", RIGHT, WRONG)


def test_guesses_that_are_all_missing_are_not_done_yet():
    assert not exercises.check("01.0", {1: None, 2: None, 3: None}).done


def test_no_word_of_the_warm_up_gives_a_number_away():
    said = " ".join(exercises.check("01.0", {question: -1}).said for question in (1, 2, 3))
    assert said.count("Question") == 3 and not re.search(r"\b(143|144|0\.5|half|ninth|nine|0\.02\d*)\b", said)


def test_titles_and_minutes_are_those_of_the_notebook():
    text = "\n".join("".join(cell["source"]) for cell in cells_of(NOTEBOOK) if cell["cell_type"] == "markdown")
    found = re.findall(r"^### Exercise (\d+): (.*) \((\d+) min\)$", text, flags=re.M)
    known = [exercises.find(name) for name in exercises.names("01") if name != "01.0"]
    assert found[:-1] == [(of.name.partition(".")[2], of.title, str(of.minutes)) for of in known]
    assert found[-1][:2] == (str(len(found)), "think")
    assert f"exercises: choose, {sum(int(minutes) for *_, minutes in found)} in all" in text


def test_every_exercise_has_stub_hint_solution_and_check_in_this_order():
    tags = {cell["id"]: cell["metadata"].get("tags", []) for cell in cells_of(NOTEBOOK)}
    shown = [tuple(of) for name, of in tags.items() if re.fullmatch(r"exercise-[1-6].*", name) and of]
    assert shown == [("exercise",), ("hint",), ("solution",), ("solution",), ("exercise", "check")] * 6
