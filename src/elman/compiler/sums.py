"""Products whose results are only ever summed become one product of several states."""

from dataclasses import replace

from elman.compiler.program import Builder, Node, Program, copied
from elman.compiler.step import Product


def together(
    builder: Builder, outputs: list[int], products: list[Product]
) -> tuple[Program, tuple[Product, ...]]:
    """Returns the program of results and of what the products multiply, and the products in its places."""
    operands = [place for product in products for place in product.operand]
    whole = builder.program([*outputs, *operands])
    moved = _onto(products, list(whole.outputs))
    return Program(whole.nodes, whole.outputs[: len(outputs)]), tuple(moved)


def summed(program: Program, products: tuple[Product, ...]) -> tuple[Program, tuple[Product, ...], int]:
    """Lets products whose results are only ever summed give one result; returns the number of results too."""
    same = {k: k for product in products for k in product.results}
    users = program.users()
    sums: dict[int, int] = {}  # places of sums of two blocks of products, with the block that they become
    for place, node in enumerate(program.nodes):
        if node.op != "add":
            continue
        found = (sums.get(arg, _block(program.nodes[arg])) for arg in node.args)
        blocks = sorted({block for block in found if block is not None})
        alone = all(users[arg] == [place] and arg not in program.outputs for arg in node.args)
        if alone and len(blocks) == 2:
            first, second = blocks
            same = {k: first if own == second else own for k, own in same.items()}
            sums[place] = first
    order = {block: number for number, block in enumerate(sorted(set(same.values())))}
    numbers = {k: order[same[k]] for k in same}
    whole = {tuple(numbers[k] for k in product.results) for product in products}
    if not sums or any(set(a) & set(b) for a in whole for b in whole if a != b):
        return program, products, len(same)  # nothing to sum, or only parts of products
    operands = [place for product in products for place in product.operand]
    builder = Builder()

    def known(place: int, node: Node) -> int | None:
        block = sums.get(place, _block(node))
        return None if block is None else builder.input("product", numbers[block])

    make = copied(program, builder, known)
    places = [make(place) for place in (*program.outputs, *operands)]
    moved = [replace(product, results=tuple(numbers[k] for k in product.results)) for product in products]
    return *together(builder, places[: len(program.outputs)], _onto(moved, places)), len(order)


def _onto(products: list[Product], places: list[int]) -> list[Product]:
    """Returns products whose operands are the last places."""
    left = iter(places[len(places) - sum(len(product.operand) for product in products) :])
    return [replace(product, operand=tuple(next(left) for _ in product.operand)) for product in products]


def _block(node: Node) -> int | None:
    """Returns the number of a product's block; None for other values."""
    return node.source[1] if node.source is not None and node.source[0] == "product" else None
