"""The layout of a graph: positions and routes, without any drawing.

`sugiyama` runs the steps, each of which has a module of its own: `cycle_removal`, `layering`,
`crossing_reduction`, `return_arcs`, `brandes_koepf` and `relaxation`. Within a width, `confinement`
takes the place of the last two. `folding` cuts a tall layout into columns, `combs` leads wide forks
around the ranks. Then `ports` and `edge_routing` find the route of each edge.
"""
