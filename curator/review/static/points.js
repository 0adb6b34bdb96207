// Up to a few million points with WebGL 2: one draw call, colours looked up in a palette of 256.

const VERTEX = `#version 300 es
in vec2 place;
in float colour;
uniform vec2 scale, middle;
uniform float size;
uniform sampler2D palette;
out vec4 tint;
void main() {
  tint = texelFetch(palette, ivec2(int(colour), 0), 0);
  // What has no colour of its own lies below the rest.
  gl_Position = vec4((place - middle) * scale, colour > 254.5 ? 0.5 : 0.0, 1.0);
  gl_PointSize = size;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 tint;
out vec4 pixel;
void main() {
  if (length(gl_PointCoord - 0.5) > 0.5) discard;
  pixel = tint;
}`;

export class Points {
  constructor(canvas) {
    this.gl = canvas.getContext("webgl2", { antialias: false, alpha: true });
    if (!this.gl) throw new Error("The map needs WebGL 2, which this browser does not offer.");
    const { gl } = this;
    this.program = linked(gl);
    this.uniforms = Object.fromEntries(
      ["scale", "middle", "size"].map((name) => [name, gl.getUniformLocation(this.program, name)]),
    );
    this.colours = gl.createBuffer();
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
  }

  load(places) {
    const { gl } = this;
    this.count = places.length / 2;
    this.places = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
  }

  paint(colours, palette) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colours);
    gl.bufferData(gl.ARRAY_BUFFER, colours, gl.DYNAMIC_DRAW);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
  }

  attribute(buffer, name, width, type, stride) {
    const { gl } = this;
    const where = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(where);
    gl.vertexAttribPointer(where, width, type, false, stride, 0);
  }

  // Milliseconds for one whole frame: reading a pixel back waits until it is drawn.
  measure(view) {
    const begun = performance.now();
    this.draw(view);
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4));
    return performance.now() - begun;
  }

  // `every` n-th point only, n at most 31: a longer stride WebGL does not take.
  draw({ x, y, scaleX, scaleY, size, every = 1 }) {
    const { gl } = this;
    this.attribute(this.places, "place", 2, gl.FLOAT, 8 * every);
    this.attribute(this.colours, "colour", 1, gl.UNSIGNED_BYTE, every);
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.program);
    gl.uniform2f(this.uniforms.scale, scaleX, scaleY);
    gl.uniform2f(this.uniforms.middle, x, y);
    gl.uniform1f(this.uniforms.size, size);
    gl.drawArrays(gl.POINTS, 0, Math.floor(this.count / every));
  }
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  gl.useProgram(program);
  return program;
}

// Which point is nearest, from cells of a regular grid: built once, by counting.
export class Cells {
  constructor(places, side = 512) {
    this.places = places;
    this.side = side;
    const count = places.length / 2;
    const cell = new Uint32Array(count);
    this.starts = new Uint32Array(side * side + 1);
    for (let i = 0; i < count; i++) {
      cell[i] = this.at(places[2 * i + 1]) * side + this.at(places[2 * i]);
      this.starts[cell[i] + 1]++;
    }
    for (let c = 0; c < side * side; c++) this.starts[c + 1] += this.starts[c];
    this.members = new Uint32Array(count);
    const next = this.starts.slice();
    for (let i = 0; i < count; i++) this.members[next[cell[i]]++] = i;
  }

  at(value) {
    return Math.min(Math.max(Math.floor(((value + 1) / 2) * this.side), 0), this.side - 1);
  }

  nearest(x, y, within) {
    let best = -1;
    let least = within * within;
    for (let row = this.at(y - within); row <= this.at(y + within); row++) {
      for (let column = this.at(x - within); column <= this.at(x + within); column++) {
        const cell = row * this.side + column;
        for (let place = this.starts[cell]; place < this.starts[cell + 1]; place++) {
          const i = this.members[place];
          const distance = (this.places[2 * i] - x) ** 2 + (this.places[2 * i + 1] - y) ** 2;
          if (distance < least) [best, least] = [i, distance];
        }
      }
    }
    return best;
  }
}
