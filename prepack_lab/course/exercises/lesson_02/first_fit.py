"""First fit in the order given: what several mistakes amount to."""


def first_fit(lengths, capacity):
    bins, free = [], []
    for prompt, length in enumerate(lengths):
        index = next((place for place, room in enumerate(free) if length <= room), len(bins))
        if index == len(bins):
            bins.append([])
            free.append(capacity)
        bins[index].append(prompt)
        free[index] -= length
    return bins
