"""PyTorch's generic checks of modules, over our drop-ins.

The samples, wrong inputs and references are PyTorch's own (``torch.testing._internal.common_modules``). The
checks are those of its ``test_modules.py``, which is not in the wheel, in our words. Each runs over torch's
class too, which must pass it. What differs on purpose stands in ``DIFFERENCES``, and must go on differing.
"""

import copy
import inspect
import io
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.utils.rnn import PackedSequence
from torch.testing import assert_close

import elman

NAMES = ("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell")
DTYPES = (torch.float32, torch.float64)

# check → why our classes fail it
DIFFERENCES = {
    "error-messages": "ours name the rule and the value: 'X must be RULE. Got VALUE.'",
    "bias-of-another-type": "a cell's bias must be True or False, as a layer's; torch checks only layers",
}


@pytest.fixture(scope="module")
def infos():
    """PyTorch's facts of each class."""
    pytest.importorskip("expecttest", reason="torch.testing._internal needs expecttest")
    # here, because the import takes seconds and makes torch's flags read-only
    from torch.testing._internal.common_modules import module_db

    torch.backends.__allow_nonbracketed_mutation_flag = True
    return {info.module_cls.__name__: info for info in module_db if info.module_cls.__name__ in NAMES}


class Case:
    """A class under test with PyTorch's samples."""

    def __init__(self, library, info, dtype):
        self.cls, self.info, self.dtype = getattr(library, info.module_cls.__name__), info, dtype

    def samples(self, requires_grad=False):
        """Constructor, forward arguments and reference of each sample."""
        torch.manual_seed(0)
        given = self.info.module_inputs_func(
            self.info, device="cpu", dtype=self.dtype, requires_grad=requires_grad, training=True
        )
        for sample in given:
            made, args = sample.constructor_input, sample.forward_input
            assert not args.kwargs

            def make(made=made, **more):
                return self.cls(*made.args, **{"dtype": self.dtype, **made.kwargs, **more})

            yield make, args.args, sample.reference_fn

    def errors(self, odd_bias=False):
        """Constructor, forward arguments, class and text of the error of each wrong use.

        The arguments are None if the constructor must fail. With ``odd_bias``, only the uses of cells that
        also give a bias of another type, which torch accepts there; otherwise all others.
        """
        given = self.info.module_error_inputs_func(
            self.info, device="cpu", dtype=self.dtype, requires_grad=False, training=True
        )
        for error in given:
            if has_odd_bias(error) is not odd_bias:
                continue
            made, args = error.module_error_input.constructor_input, error.module_error_input.forward_input
            options = {"dtype": self.dtype, **made.kwargs}
            yield (
                lambda made=made, options=options: self.cls(*made.args, **options),
                None if args is None or error.error_on.name == "CONSTRUCTION_ERROR" else args.args,
                error.error_type,
                error.error_regex,
            )


def has_odd_bias(error):
    """Whether a wrong use is one of a cell's state, whose bias is, besides, no bool."""
    made = error.module_error_input.constructor_input
    fails_later = error.error_on.name == "FORWARD_ERROR"
    return fails_later and len(made.args) > 2 and not isinstance(made.args[2], bool)


def flat(value):
    """The tensors in arguments or results, in order."""
    if isinstance(value, PackedSequence):
        return [value.data]
    if isinstance(value, Tensor):
        return [value]
    return [t for part in value or () for t in flat(part)]


def replaced(value, change):
    """The same arguments with each tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    return tuple(replaced(part, change) for part in value)


def same(a, b):
    """Fails unless two results hold the same numbers, up to the rounding of sums of their largest ones."""
    a, b = flat(a), flat(b)
    assert len(a) == len(b)
    largest = max(1.0, *(float(t.detach().abs().max()) for t in b))
    for one, other in zip(a, b, strict=True):
        assert_close(one, other, rtol=0, atol=32 * torch.finfo(other.dtype).eps * largest)


def gradients(module, args):
    """Results, and the gradients of the parameters and of the arguments."""
    results = module(*args)
    targets = [*flat(args), *module.parameters()]
    return [*flat(results), *torch.autograd.grad(sum(r.square().sum() for r in flat(results)), targets)]


def check_reference(case):
    for make, args, reference in case.samples():
        module = make()
        same(module(*args), reference(module, *args))


def check_torch(case):
    """Names, shapes, results and gradients are those of torch's class with the same weights."""
    pairs = zip(case.samples(True), Case(nn, case.info, case.dtype).samples(True), strict=True)
    for (make, args, _), (make_theirs, theirs_args, _) in pairs:
        ours, theirs = make(), make_theirs()
        facts = [[(k, v.shape, v.dtype) for k, v in m.state_dict().items()] for m in (ours, theirs)]
        assert facts[0] == facts[1]
        ours.load_state_dict(theirs.state_dict())
        same(gradients(ours, args), gradients(theirs, theirs_args))


def check_factory(case):
    """The constructor takes a device and a dtype, and uses no other."""
    for make, _, _ in case.samples():
        for device in ("cpu", "meta"):
            for dtype in DTYPES:
                module = make(device=device, dtype=dtype)
                assert {(p.device.type, p.dtype) for p in module.parameters()} == {(device, dtype)}
        with torch.device("meta"):
            assert {p.device.type for p in make().parameters()} == {"meta"}
        with torch.device("cpu"):
            assert {p.device.type for p in make(device="meta").parameters()} == {"meta"}


def check_skip_init(case):
    for make, _, _ in case.samples():
        shapes = {k: v.shape for k, v in make().state_dict().items()}
        empty = make(device="meta").to_empty(device="cpu")
        assert {k: v.shape for k, v in empty.state_dict().items()} == shapes
        assert all(p.requires_grad for p in empty.parameters())


def check_to(case):
    """Conversions keep names, flags and gradients, and what the parameters' gradients are."""
    for make, args, _ in case.samples(True):
        module = make()
        other = next(dtype for dtype in DTYPES if dtype != case.dtype)
        sum(r.sum() for r in flat(module(*args))).backward()
        names = [name for name, _ in module.named_parameters()]
        moved = module.to(other)
        assert moved is module
        assert [name for name, _ in module.named_parameters()] == names
        for p in module.parameters():
            assert p.is_leaf
            assert p.requires_grad
            assert p.dtype == p.grad.dtype == other
        results = module(*replaced(args, lambda t, other=other: t.detach().to(other)))
        assert {r.dtype for r in flat(results)} == {other}


def check_to_empty(case):
    for make, args, _ in case.samples():
        module = make()
        expected, state = module(*args), copy.deepcopy(module.state_dict())
        module.to_empty(device="meta")
        assert {p.device.type for p in module.parameters()} == {"meta"}
        shapes = [r.shape for r in flat(module(*replaced(args, lambda t: t.to("meta"))))]
        assert shapes == [r.shape for r in flat(expected)]
        module.to_empty(device="cpu")
        module.load_state_dict(state)
        same(module(*args), expected)


def check_memory_format(case):
    """Formats of pictures change nothing in a module without them."""
    for make, args, _ in case.samples():
        module = make()
        expected = module(*args)
        for memory_format in (torch.contiguous_format, torch.preserve_format):
            module.to(memory_format=memory_format)
            same(module(*args), expected)


def check_strides(case):
    """Arguments and parameters in any memory layout give the same results and gradients."""

    def spread(t):
        wide = torch.empty(*t.shape, 2, dtype=t.dtype)
        wide[..., 0] = t.detach()
        return wide[..., 0].requires_grad_(t.requires_grad)

    for make, args, _ in case.samples(True):
        module = make()
        expected = gradients(module, args)
        same(gradients(module, replaced(args, spread)), expected)
        for p in module.parameters():
            p.data = spread(p.data)
        assert not any(p.is_contiguous() for p in module.parameters() if p.numel() > 1)
        same(gradients(module, replaced(args, spread)), expected)


def check_inplace(case):
    """A call changes neither its arguments nor the parameters."""
    for make, args, _ in case.samples():
        module = make()
        held = [*flat(args), *module.parameters()]
        before = [(t._version, t.detach().clone()) for t in held]
        module(*args)
        for t, (version, values) in zip(held, before, strict=True):
            assert t._version == version
            assert torch.equal(t, values)
    assert "inplace" not in inspect.signature(case.cls).parameters


def check_pickle(case):
    for make, args, _ in case.samples():
        module = make()
        same(pickle.loads(pickle.dumps(module))(*args), module(*args))
        file = io.BytesIO()
        torch.save(module, file)
        file.seek(0)
        same(torch.load(file, weights_only=False)(*args), module(*args))


def check_copy(case):
    for make, args, _ in case.samples():
        module = make()
        twin = copy.deepcopy(module)
        same(twin(*args), module(*args))
        for a, b in zip(twin.parameters(), module.parameters(), strict=True):
            assert a.data_ptr() != b.data_ptr()
        assert twin.training == module.training


def check_save(case):
    for make, args, _ in case.samples():
        module, other = make(), make()
        file = io.BytesIO()
        torch.save(module.state_dict(), file)
        file.seek(0)
        assert list(other.load_state_dict(torch.load(file, weights_only=True))) == [[], []]
        same(other(*args), module(*args))
        with pytest.raises(RuntimeError, match="Missing key"):
            other.load_state_dict({})


def check_repr(case):
    for make, _, _ in case.samples():
        module = make()
        for text in (repr(module), str(module), module.extra_repr()):
            assert isinstance(text, str)
        assert repr(module).startswith(f"{case.cls.__name__}(")


def check_modes(case):
    """Training and evaluation set the flag, and the flag is read only where PyTorch says so."""
    for make, args, _ in case.samples():
        module = make()
        assert module.training
        assert not module.eval().training
        assert module.train().training
        expected = module(*args)
        same(module.eval()(*args), expected)
        del module.training
        if case.info.train_and_eval_differ:
            with pytest.raises(AttributeError, match="training"):
                module(*args)
        else:
            same(module(*args), expected)


def check_gradients(case):
    check_by(gradcheck, case, each=3)


def check_second_gradients(case):
    assert case.info.supports_gradgrad
    check_by(gradgradcheck, case, each=5)


def check_by(check, case, each):
    """Checks every third or fifth sample: each option has two values, so odd steps meet all of them."""
    if case.dtype != torch.float64:
        return
    for make, args, _ in list(case.samples(True))[::each]:
        module = make()
        leaves = [*flat(args), *module.parameters()]

        def call(*leaves, module=module, args=args):
            left = iter(leaves)  # the parameters follow, which gradcheck changes in place
            return tuple(flat(module(*replaced(args, lambda _: next(left)))))

        assert check(call, leaves, fast_mode=True)


def check_errors(case):
    """Wrong uses raise torch's class of error, in the constructor or in the call as in torch."""
    for make, args, expected, _ in case.errors():
        if args is None:
            with pytest.raises(expected):
                make()
        else:
            module = make()
            with pytest.raises(expected):
                module(*args)


def check_error_messages(case):
    for make, args, _, message in case.errors():
        with pytest.raises(Exception, match=message):
            make()(*args or ())


def check_odd_bias(case):
    for make, _, _, _ in case.errors(odd_bias=True):
        make()


CHECKS = {
    "reference": check_reference,
    "torch": check_torch,
    "factory": check_factory,
    "skip-init": check_skip_init,
    "to": check_to,
    "to-empty": check_to_empty,
    "memory-format": check_memory_format,
    "strides": check_strides,
    "inplace": check_inplace,
    "pickle": check_pickle,
    "copy": check_copy,
    "save": check_save,
    "repr": check_repr,
    "modes": check_modes,
    "gradients": check_gradients,
    "second-gradients": check_second_gradients,
    "errors": check_errors,
    "error-messages": check_error_messages,
    "bias-of-another-type": check_odd_bias,
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", NAMES)
def test_our_class(infos, name, check, dtype):
    case = Case(elman, infos[name], dtype)
    if check not in DIFFERENCES:
        CHECKS[check](case)


@pytest.mark.parametrize("check", DIFFERENCES)
def test_a_listed_difference_is_one(infos, check):
    failed = []
    for name in NAMES:
        try:
            CHECKS[check](Case(elman, infos[name], torch.float64))
        except (AssertionError, TypeError, ValueError) as error:
            failed.append(error)
    assert failed, f"no class differs in {check} any more: {DIFFERENCES[check]}"


@pytest.mark.parametrize("check", [name for name in CHECKS if "gradients" not in name])  # these take seconds
@pytest.mark.parametrize("name", NAMES)
def test_torchs_class(infos, name, check):
    CHECKS[check](Case(nn, infos[name], torch.float64))


def test_the_database_has_all_classes(infos):
    assert set(infos) == set(NAMES)
