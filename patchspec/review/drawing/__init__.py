"""Drawing a model's graph: a scene of plain values, laid out, as SVG, HTML or Mermaid."""
